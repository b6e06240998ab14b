import { type Static, type TSchema } from 'typebox';

/** An earlier shape of a message that is still in the log, and how it is read today. */
export interface EarlierVersion {
  readonly schema: TSchema;
  /** Lifts data of this version to the current one. Pure; the input has been checked against `schema`. */
  readonly upcast: (data: unknown) => unknown;
}

/** One kind of message: what it means, its current version and shape, and the versions before it. */
export interface MessageDefinition<S extends TSchema = TSchema> {
  readonly summary: string;
  readonly version: number;
  readonly schema: S;
  readonly earlier: Readonly<Record<number, EarlierVersion>>;
}

/** Defines a message. Additive changes keep the version; any other adds one, with an upcaster for the one before. */
export function message<S extends TSchema>(
  summary: string,
  schema: S,
  versions: { readonly version: number; readonly earlier: Readonly<Record<number, EarlierVersion>> } = {
    version: 1,
    earlier: {},
  },
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
