import type { System } from '../../system/system.ts'
import type { GenServerRef, SerializedRef } from '../gen-server/types.ts'

/** Allows one process a key (`'unique'`), or any number (`'duplicate'`). */
export type RegistryKeys = 'unique' | 'duplicate'

/** Options of `Registry.create`. */
export interface RegistryOptions {
  /** The name of the registry in errors. Default: `registry_1`, `registry_2` …, counted by the system. */
  readonly name?: string
  /** Allows one process a key, or any number. Default `'unique'`. */
  readonly keys?: RegistryKeys
  /** The system whose processes it takes, and with which it closes. Default: the default system of this environment. */
  readonly system?: System
}

/** A snapshot of a registration. */
export interface RegistryEntry<Meta = unknown, Ref extends SerializedRef = GenServerRef> {
  /** The process. */
  readonly ref: Ref
  /** The metadata of the registration. */
  readonly metadata: Meta
  /** Wall time of the registration, in ms. */
  readonly registeredAt: number
}

/** A registration that `select` or `match` found. */
export interface RegistryMatch<Meta = unknown, Ref extends SerializedRef = GenServerRef> {
  /** The key. */
  readonly key: string
  /** The process. */
  readonly ref: Ref
  /** The metadata of the registration. */
  readonly metadata: Meta
}

/** The type of messages that can be cast to a process, by its ref. */
export type CastOf<Ref> = Ref extends GenServerRef<unknown, unknown, infer CastMsg> ? CastMsg : unknown

/** The same as {@link RegistryKeys}, under its second name. */
export type RegistryKeyMode = RegistryKeys

/** A ref that can be registered, of any kind of process. */
export type RegisterableRef = SerializedRef

/** The test of `select`: returns whether a registration is wanted. */
export type RegistryPredicate<Meta = unknown, Ref extends SerializedRef = GenServerRef> = (
  key: string,
  entry: RegistryEntry<Meta, Ref>,
) => boolean

/** The function that `dispatch` calls with the registrations of a key. */
export type DispatchFn<Meta = unknown, Message = unknown, Ref extends SerializedRef = GenServerRef> = (
  entries: readonly RegistryEntry<Meta, Ref>[],
  message: Message,
) => unknown
