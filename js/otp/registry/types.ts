import type { System } from '../../system/system.ts'
import type { GenServerRef, SerializedRef } from '../gen-server/types.ts'

/** Whether a key stands for one process, or for any number. */
export type RegistryKeys = 'unique' | 'duplicate'

/** Options of `Registry.create`. */
export interface RegistryOptions {
  /** What it is called in errors. Default: `registry_1`, `registry_2` …, counted by the system. */
  readonly name?: string
  /** Default `'unique'`. */
  readonly keys?: RegistryKeys
  /** Whose processes it takes, and with what it closes. Default: the default system of this environment. */
  readonly system?: System
}

/** A process under a key, as it was when it was asked for. */
export interface RegistryEntry<Meta = unknown, Ref extends SerializedRef = GenServerRef> {
  readonly ref: Ref
  /** What was given with it. */
  readonly metadata: Meta
  /** Wall time of the registration, in ms. */
  readonly registeredAt: number
}

/** A registration that was looked for by what it is. */
export interface RegistryMatch<Meta = unknown, Ref extends SerializedRef = GenServerRef> {
  readonly key: string
  readonly ref: Ref
  readonly metadata: Meta
}

/** What can be cast to a process, by its ref. */
export type CastOf<Ref> = Ref extends GenServerRef<unknown, unknown, infer CastMsg> ? CastMsg : unknown

/** @see RegistryKeys */
export type RegistryKeyMode = RegistryKeys

/** What can be registered: a ref, of whichever process. */
export type RegisterableRef = SerializedRef

/** Picks registrations, for `select`. */
export type RegistryPredicate<Meta = unknown, Ref extends SerializedRef = GenServerRef> = (
  key: string,
  entry: RegistryEntry<Meta, Ref>,
) => boolean

/** Delivers a message to all who have a key, for `dispatch`. */
export type DispatchFn<Meta = unknown, Message = unknown, Ref extends SerializedRef = GenServerRef> = (
  entries: readonly RegistryEntry<Meta, Ref>[],
  message: Message,
) => unknown
