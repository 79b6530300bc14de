/** Work of the host that a program waits for. */

/** Resources that end by themselves: requests to files, sockets and the thread pool. A test runner has timers too. */
const REQUEST = /(?:Req|ReqWrap|ReqCallback|ReqPromise|Request|ConnectWrap)$/

/** Returns the kinds of requests that are under way in this thread. */
export const pendingRequests = (): string[] => [
  ...new Set(process.getActiveResourcesInfo().filter((kind) => REQUEST.test(kind))),
]
