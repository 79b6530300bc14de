import { type ErrorCode, isKeelsonError, type KeelsonError } from '../errors.ts'

/** The guard of the error class with a code. */
export const isCode =
  <E extends KeelsonError>(code: ErrorCode) =>
  (error: unknown): error is E =>
    isKeelsonError(error) && error.code === code
