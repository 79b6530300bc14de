import type { ServerResponse } from 'node:http'

/**
 * Tells once that a response is over, and whether it was ended by who answered. Otherwise its connection was closed
 * before. Over HTTP/2 Node says of a response that its client reset first that it finished.
 */
export function whenOver(response: ServerResponse, over: (isEnded: boolean) => void): void {
  let isOver = false
  const tell = (isEnded: boolean): void => {
    if (isOver) return
    isOver = true
    over(isEnded)
  }
  response.on('finish', () => tell(response.writableEnded))
  response.on('close', () => tell(false))
}
