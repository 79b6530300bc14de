/** The kind of an alert. Only mailboxes are watched; `'high_memory'` is for `AlertManager.triggerAlert`. */
export type AlertType = 'high_queue_size' | 'high_memory'

/** Settings of `AlertManager`. */
export interface AlertConfig {
  /** Raises alerts. Default true. */
  readonly enabled: boolean
  /** The threshold is the mean and this many deviations, of at least one message each: a number above 0. Default 2. */
  readonly sensitivityMultiplier: number
  /** The samples of a process before the first alert: an integer from 1. Default 30. */
  readonly minSamples: number
  /** The time between two alerts of a process, in ms of wall time. Default 10 000. */
  readonly cooldownMs: number
}

/** A process whose mailbox is longer than is usual for it. */
export interface Alert {
  /** The id of the alert. */
  readonly id: string
  /** The kind of alert. */
  readonly type: AlertType
  /** The id of the process. */
  readonly processId: string
  /** One of its names, if it has any. */
  readonly processName?: string
  /** The threshold that was exceeded. */
  readonly threshold: number
  /** The value that exceeded it. */
  readonly currentValue: number
  /** Wall time of the alert, in ms. */
  readonly timestamp: number
  /** The same in words. */
  readonly message: string
}

/** An event of `AlertManager.subscribe`. */
export type AlertEvent =
  | { readonly type: 'alert_triggered'; readonly alert: Alert }
  | { readonly type: 'alert_resolved'; readonly alertId: string; readonly processId: string }

/** Receives alerts. What it throws, or rejects with, goes to the system's `onError`. */
export type AlertEventHandler = (event: AlertEvent) => unknown

/** What is usual for a process. */
export interface AlertStatistics {
  /** The mean of the samples. */
  readonly mean: number
  /** Their deviation. */
  readonly stddev: number
  /** The threshold for the next sample. */
  readonly threshold: number
  /** The number of samples, at most 1000. */
  readonly sampleCount: number
}
