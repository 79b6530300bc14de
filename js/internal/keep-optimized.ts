/**
 * V8 throws optimised code away when a hidden class that it relies on dies, which happens at a full collection during
 * which no instance is alive. One instance of each class that is made and dropped on a hot path is kept here, so that
 * what was optimised stays so.
 */
export const kept: object[] = []
