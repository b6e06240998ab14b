import type { Validator } from 'typebox/schema';
import type { CommandOf, ContextContract, EventOf, MessageDefinition, MessageMap, MessageOf } from './definition.js';
import type { Addressed, CloudEvent, EventMeta, Recorded, RecordMeta } from './envelope.js';
import { validatorOf } from './validator-of.js';

/** A record that cannot be read as what it should be. Whoever meets it stops, loudly. */
export class UndecodableRecord extends Error {
  override readonly name = 'UndecodableRecord';
  readonly code = 'undecodable-record';
}

class Reader {
  #current: Validator | undefined;

  constructor(readonly definition: MessageDefinition) {}

  get current(): Validator {
    return (this.#current ??= validatorOf(this.definition.schema));
  }
}

/**
 * Reads and writes the messages of one map (the events of a context, its commands, the activity records): names and
 * versions to `type` attributes and back, data checked against its schema in both directions, earlier versions lifted.
 */
export class MessageCodec<M extends MessageMap> {
  readonly #readers = new Map<string, Reader>();
  readonly #prefix: string;
  readonly #source: string;

  /** @param context the name in `gatehouse.<context>.<name>.v<version>` */
  constructor(context: string, messages: M) {
    this.#prefix = `gatehouse.${context}.`;
    this.#source = `/gatehouse/${context}`;
    for (const [name, definition] of Object.entries(messages)) this.#readers.set(name, new Reader(definition));
  }

  /** The `type` attribute of a message in its current version. */
  typeOf(name: string): string {
    return `${this.#prefix}${name}.v${this.#reader(name).definition.version}`;
  }

  /** @throws UndecodableRecord when the data does not fit its schema: nothing malformed reaches the log */
  check(message: MessageOf<M>): void {
    const { current, definition } = this.#reader(message.type);
    if (definition.announced)
      throw new UndecodableRecord(
        `${this.typeOf(message.type)} is announced: this release reads it and does not write it`,
      );
    if (!current.Check(message.data)) throw malformed(message.type, current, message.data);
  }

  /**
   * A message as the log keeps it, in the order in which golden records have it. What it says is not checked here.
   *
   * @param more attributes that not every record has
   */
  encode<Name extends keyof M & string>(
    type: Name,
    data: unknown,
    { id, subject, time, actor, correlationId, causationId }: RecordMeta,
    more: Partial<CloudEvent> = {},
  ): string {
    const envelope: CloudEvent = {
      specversion: '1.0',
      id,
      source: this.#source,
      type: this.typeOf(type),
      subject,
      time,
      datacontenttype: 'application/json',
      correlationid: correlationId,
      causationid: causationId,
      actor,
      ...more,
      data,
    };
    return JSON.stringify(envelope);
  }

  /**
   * Reads `type` and `data` of an envelope as a message in today's version.
   *
   * @throws UndecodableRecord for an unknown name or version, or data that does not fit
   */
  read(envelope: CloudEvent): MessageOf<M> {
    const { name, version } = this.#parseType(envelope.type);
    const reader = this.#reader(name);
    let data: unknown = envelope.data;
    for (let at = version; at < reader.definition.version; at++) {
      const step = reader.definition.earlier[at];
      if (!step) throw new UndecodableRecord(`${envelope.type} of record ${envelope.id} has no upcaster`);
      const validator = validatorOf(step.schema);
      if (!validator.Check(data)) throw malformed(envelope.type, validator, data);
      data = step.upcast(data);
    }
    if (version === reader.definition.version + 1 && reader.definition.next) {
      const validator = validatorOf(reader.definition.next.schema);
      if (!validator.Check(data)) throw malformed(envelope.type, validator, data);
      data = reader.definition.next.downcast(data);
    } else if (version > reader.definition.version) {
      throw new UndecodableRecord(`${envelope.type} of record ${envelope.id} is newer than this release reads`);
    }
    if (!reader.current.Check(data)) throw malformed(envelope.type, reader.current, data);
    // Sound: the name was looked up in M and the data was just checked against M[name].
    return { type: name, data } as MessageOf<M>;
  }

  #reader(name: string): Reader {
    const reader = this.#readers.get(name);
    if (!reader) throw new UndecodableRecord(`no message ${this.#prefix}${name} is known to this release`);
    return reader;
  }

  #parseType(type: string): { name: string; version: number } {
    const dot = type.lastIndexOf('.v');
    const version = Number(type.slice(dot + 2));
    if (!type.startsWith(this.#prefix) || dot <= this.#prefix.length || !Number.isInteger(version) || version < 1) {
      throw new UndecodableRecord(`${JSON.stringify(type)} is not a message of ${this.#source}`);
    }
    return { name: type.slice(this.#prefix.length, dot), version };
  }
}

function malformed(type: string, validator: Validator, data: unknown): UndecodableRecord {
  const [, [first]] = validator.Errors(data);
  return new UndecodableRecord(
    `data of ${type} does not fit its schema: ${first?.instancePath ?? ''} ${first?.message ?? ''}`,
  );
}

/** What stands around a record, whatever it is. */
export function metaOf(envelope: CloudEvent): RecordMeta {
  return {
    id: envelope.id,
    subject: envelope.subject,
    time: envelope.time,
    actor: envelope.actor,
    correlationId: envelope.correlationid,
    causationId: envelope.causationid,
  };
}

/** Parses a record's value as a CloudEvent in structured mode; checks the attributes that every record has. */
export function parseEnvelope(value: Buffer | string): CloudEvent {
  let parsed: unknown;
  try {
    parsed = JSON.parse(typeof value === 'string' ? value : value.toString('utf8'));
  } catch (cause) {
    throw new UndecodableRecord('record is not JSON', { cause });
  }
  if (!isEnvelope(parsed)) throw new UndecodableRecord('record is not a CloudEvent 1.0 of this system');
  return parsed;
}

const REQUIRED_ATTRIBUTES = [
  'id',
  'source',
  'type',
  'subject',
  'time',
  'correlationid',
  'causationid',
  'actor',
] as const;

function isEnvelope(value: unknown): value is CloudEvent {
  if (typeof value !== 'object' || value === null) return false;
  const attributes = value as Readonly<Record<string, unknown>>;
  return (
    attributes['specversion'] === '1.0' &&
    'data' in attributes &&
    REQUIRED_ATTRIBUTES.every((name) => typeof attributes[name] === 'string')
  );
}

/** Reads and writes the events and commands of one context. */
export class ContextCodec<C extends ContextContract> {
  readonly #events: MessageCodec<C['events']>;
  readonly #commands: MessageCodec<C['commands']>;

  constructor(contract: C) {
    this.#events = new MessageCodec(contract.context, contract.events);
    this.#commands = new MessageCodec(contract.context, contract.commands);
  }

  encodeEvent(event: EventOf<C>, meta: EventMeta): string {
    this.#events.check(event);
    return this.#events.encode(event.type, event.data, meta, {
      sequence: String(meta.version),
      commandoffset: String(meta.commandOffset),
    });
  }

  /** @throws UndecodableRecord */
  decodeEvent(value: Buffer | string): Recorded<EventOf<C>> {
    const envelope = parseEnvelope(value);
    const message = this.#events.read(envelope);
    const version = Number(envelope.sequence);
    if (!Number.isInteger(version) || version < 1) throw new UndecodableRecord(`event ${envelope.id} has no sequence`);
    return {
      ...message,
      meta: { ...metaOf(envelope), version, commandOffset: bigintAttribute(envelope, 'commandoffset') },
    };
  }

  encodeCommand(command: Addressed<CommandOf<C>>): string {
    this.#commands.check(command);
    const { type, data, meta } = command;
    return this.#commands.encode(type, data, meta, {
      deadline: meta.deadline,
      bodydigest: meta.bodyDigest,
      ...(meta.expectedVersion === undefined ? {} : { expectedversion: String(meta.expectedVersion) }),
    });
  }

  /** @throws UndecodableRecord */
  decodeCommand(value: Buffer | string): Addressed<CommandOf<C>> {
    const envelope = parseEnvelope(value);
    const message = this.#commands.read(envelope);
    const { deadline, bodydigest } = envelope;
    if (deadline === undefined || bodydigest === undefined)
      throw new UndecodableRecord(`command ${envelope.id} has no deadline or digest`);
    const meta = {
      ...metaOf(envelope),
      deadline,
      bodyDigest: bodydigest,
      ...(envelope.expectedversion === undefined ? {} : { expectedVersion: Number(envelope.expectedversion) }),
    };
    return { ...message, meta };
  }
}

function bigintAttribute(envelope: CloudEvent, name: 'commandoffset'): bigint {
  const text = envelope[name];
  if (text === undefined || !/^\d{1,19}$/.test(text))
    throw new UndecodableRecord(`record ${envelope.id} has no ${name}`);
  return BigInt(text);
}
