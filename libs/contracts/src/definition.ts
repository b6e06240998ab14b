import { type Static, type TSchema } from 'typebox';

/** An earlier shape of a message that is still in the log, and how it is read today. */
export interface EarlierVersion {
  readonly schema: TSchema;
  /** Lifts data of this version to the current one. Pure; the input has been checked against `schema`. */
  readonly upcast: (data: unknown) => unknown;
}

/** The shape that the next release writes, and how this one reads it meanwhile. */
export interface NextVersion {
  readonly schema: TSchema;
  /** Lowers data of the next version to this one. Pure; the input has been checked against `schema`. */
  readonly downcast: (data: unknown) => unknown;
}

/** The history of a message's shape (docs/adr/0009). */
export interface Versions {
  readonly version: number;
  readonly earlier: Readonly<Record<number, EarlierVersion>>;
  /** Version `version + 1`: read, not yet written, so that instances of this release survive those of the next. */
  readonly next?: NextVersion;
  /** True in the release that first reads this message: the codec refuses to write it until the release after. */
  readonly announced?: true;
}

/** One kind of message: what it means, its current version and shape, the versions before it, and the one to come. */
export interface MessageDefinition<S extends TSchema = TSchema> extends Versions {
  readonly summary: string;
  readonly schema: S;
}

/** Defines a message. Additive changes keep the version; any other adds one, with an upcaster for the one before. */
export function message<S extends TSchema>(
  summary: string,
  schema: S,
  versions: Versions = { version: 1, earlier: {} },
): MessageDefinition<S> {
  return { summary, schema, ...versions };
}

export type MessageMap = Readonly<Record<string, MessageDefinition>>;

/** A message in the domain: its name and its data in today's version. */
export type MessageOf<M extends MessageMap> = {
  [Name in keyof M & string]: { readonly type: Name; readonly data: Readonly<Static<M[Name]['schema']>> };
}[keyof M & string];

/** A bounded context: the name of its topics and every command and event that passes through them. */
export interface ContextContract<
  Name extends string = string,
  Commands extends MessageMap = MessageMap,
  Events extends MessageMap = MessageMap,
> {
  readonly context: Name;
  readonly commands: Commands;
  readonly events: Events;
}

export type CommandOf<C extends ContextContract> = MessageOf<C['commands']>;
export type EventOf<C extends ContextContract> = MessageOf<C['events']>;

/** Declares a context; gives its argument back with its literal types. */
export function defineContext<Name extends string, Commands extends MessageMap, Events extends MessageMap>(
  contract: ContextContract<Name, Commands, Events>,
): ContextContract<Name, Commands, Events> {
  return contract;
}
