import { decodeActivity, encodeActivity } from './activity/codec.js';
import { activity } from './activity/contract.js';
import { decodeCheckpoint, encodeCheckpoint } from './audit/codec.js';
import { audit } from './audit/contract.js';
import { approval } from './approval/contract.js';
import type { Extension } from './asyncapi/envelope-schema.js';
import { ContextCodec, parseEnvelope } from './codec.js';
import type { ContextContract, MessageMap } from './definition.js';
import { decodeReport, encodeReport } from './enforcement/codec.js';
import { enforcement } from './enforcement/contract.js';
import { OutcomeCodec } from './outcome-codec.js';
import { outcomes } from './outcome.js';
import { registration } from './registration/contract.js';
import { review } from './review/contract.js';
import { decodeOcsf, encodeOcsf } from './siem/codec.js';
import { siem } from './siem/contract.js';
import { token } from './token/contract.js';
import {
  activityTopic,
  checkpointsTopic,
  enforcementTopic,
  erasuresTopic,
  siemTopic,
  topicsOf,
  type TopicSpec,
} from './topics.js';
import { decodeErasure, encodeErasure } from './vault/codec.js';
import { vault } from './vault/contract.js';

/** A topic with all that passes through it. */
export interface Channel {
  /** The topic's name without `gatehouse.`, for example `registration.events`. */
  readonly name: string;
  readonly topic: TopicSpec;
  /** As in the `type` attribute, `gatehouse.<context>.<name>.v<version>`. */
  readonly context: string;
  readonly messages: MessageMap;
  /** What the key of a record is. */
  readonly key: string;
  /** A record is its data alone, in another standard's form, and no CloudEvents event. */
  readonly plain?: true;
  /** What the envelope of its records carries besides the attributes that every record has. */
  readonly extensions: { readonly required: readonly Extension[]; readonly optional: readonly Extension[] };
  /**
   * Reads a record of any version, and gives it as this release writes it.
   *
   * @throws UndecodableRecord
   */
  readonly rewrite: (record: string) => string;
}

const SUBJECT_KEY = "The record's subject, whose last 12 bits name the partition.";

function channel(topic: TopicSpec, of: Omit<Channel, 'name' | 'topic'>): Channel {
  return { name: topic.name.replace(/^gatehouse\./, ''), topic, ...of };
}

/** What is made over a record's bytes stands behind them. */
function withLast(name: Extension, value: string | undefined, record: string): string {
  return value === undefined ? record : `${record.slice(0, -1)},"${name}":${JSON.stringify(value)}}`;
}

/** The commands, events and outcomes of a context. */
export function channelsOf(contract: ContextContract): readonly Channel[] {
  const { context, commands, events } = contract;
  const topics = topicsOf(contract);
  const codec = new ContextCodec(contract);
  const answers = new OutcomeCodec(context);
  return [
    channel(topics.commands, {
      context,
      messages: commands,
      key: SUBJECT_KEY,
      extensions: { required: ['deadline', 'bodydigest'], optional: ['expectedversion', 'mac'] },
      rewrite(record) {
        const { mac } = parseEnvelope(record);
        return withLast('mac', mac, codec.encodeCommand(codec.decodeCommand(record)));
      },
    }),
    channel(topics.events, {
      context,
      messages: events,
      key: SUBJECT_KEY,
      extensions: { required: ['sequence', 'commandoffset'], optional: [] },
      rewrite(record) {
        const { meta, ...event } = codec.decodeEvent(record);
        return codec.encodeEvent(event, meta);
      },
    }),
    channel(topics.outcomes, {
      context,
      messages: outcomes,
      key: SUBJECT_KEY,
      extensions: { required: ['commandoffset'], optional: [] },
      rewrite(record) {
        const { outcome, commandOffset } = answers.decode(record);
        const { id, time, subject, actor, correlationid, causationid } = parseEnvelope(record);
        const command = { id: causationid, subject, actor, correlationId: correlationid };
        return answers.encode(outcome, { id, time, command, commandOffset });
      },
    }),
  ];
}

/** Every topic of Gatehouse: the contract with whoever reads its log. */
export const channels: readonly Channel[] = [
  ...[registration, approval, token, review].flatMap((contract) => channelsOf(contract)),
  channel(activityTopic, {
    context: 'activity',
    messages: activity,
    key: SUBJECT_KEY,
    extensions: { required: ['sequence', 'run'], optional: [] },
    rewrite(record) {
      const { meta, ...entry } = decodeActivity(record);
      return encodeActivity(entry, meta);
    },
  }),
  channel(enforcementTopic, {
    context: 'enforcement',
    messages: enforcement,
    key: "The enforcement point's id; compaction keeps the last report of each.",
    extensions: { required: [], optional: ['signature'] },
    rewrite(record) {
      const { id, signature } = parseEnvelope(record);
      return withLast('signature', signature, encodeReport(decodeReport(record), id));
    },
  }),
  channel(checkpointsTopic, {
    context: 'audit',
    messages: audit,
    key: "The checkpoint's origin: one for each topic and partition.",
    extensions: { required: [], optional: [] },
    rewrite: (record) => encodeCheckpoint(decodeCheckpoint(record)),
  }),
  channel(erasuresTopic, {
    context: 'vault',
    messages: vault,
    key: 'The random id of whom it is about.',
    extensions: { required: [], optional: [] },
    rewrite(record) {
      const { data, meta } = decodeErasure(record);
      return encodeErasure(data, meta);
    },
  }),
  channel(siemTopic, {
    context: 'siem',
    messages: siem,
    key: SUBJECT_KEY,
    plain: true,
    extensions: { required: [], optional: [] },
    rewrite: (record) => encodeOcsf(decodeOcsf(record)),
  }),
];
