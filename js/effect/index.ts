/** Policies to compose around an effect or a plain function. */
export * from './policy/index.ts'
