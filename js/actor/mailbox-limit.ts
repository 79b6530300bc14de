/** The bound of a mailbox, and the room that is left in it. Most processes have no bound, and then no such object. */
export class MailboxLimit {
  /** The number of user messages that the mailbox may hold. */
  readonly most: number
  /** True if a full mailbox drops its oldest message, and not the new one. */
  readonly dropsOldest: boolean
  /** The number of user messages for which there is room. */
  room: number

  constructor(most: number, dropsOldest: boolean) {
    this.most = this.room = most
    this.dropsOldest = dropsOldest
  }

  /** The number of messages that wait. One that the core displaced is counted until the core reports it. */
  get size(): number {
    return Math.min(this.most - this.room, this.most)
  }
}

interface Limited {
  readonly mailboxLimit: MailboxLimit | undefined
}

export const hasRoom = ({ mailboxLimit }: Limited): boolean => mailboxLimit === undefined || mailboxLimit.room > 0

/** Counts a message that goes into a mailbox. */
export function takeRoom({ mailboxLimit }: Limited): void {
  if (mailboxLimit !== undefined) mailboxLimit.room--
}

/** Counts a message that has left a mailbox. */
export function freeRoom({ mailboxLimit }: Limited): void {
  if (mailboxLimit !== undefined) mailboxLimit.room++
}
