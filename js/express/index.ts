/** The gate as a middleware, for Express 4 and 5 and whatever else calls `(req, res, next)`. */
export { admission, type AdmissionMiddleware } from './admission.ts'
export type { AdmissionOptions, ShedHandler } from './options.ts'
