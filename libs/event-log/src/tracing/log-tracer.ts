/**
 * A place in a trace, as W3C Trace Context writes it (`traceparent`, §3.2). It stands in a record's header of that name, as
 * OpenTelemetry has it for Kafka, and says nothing of what the record means: the MAC of commands does not cover it.
 */
export type TraceParent = string;

/** A record that is being handled: what follows from it stands below it in the trace. */
export interface HandledRecord {
  /** For what is written because of it; undefined where the trace is not followed. */
  readonly parent: TraceParent | undefined;
  /** It was handled, or not. */
  end(isHandled: boolean): void;
}

/** Whom the parts of this library tell what they do because of what; the host makes spans of it (docs/adr/0042). */
export interface LogTracer {
  /** Does something that ends with a record in a topic (without prefix) and its answer; `work` gets what goes with the record. */
  sends<T>(topic: string, work: (parent: TraceParent | undefined) => Promise<T>): Promise<T>;
  /** A record of a topic (without prefix) is going to be handled, perhaps together with others. */
  begins(topic: string, parent: TraceParent | undefined): HandledRecord;
  /** Does something because of a record: what it sends meanwhile is part of the same trace. */
  follows<T>(topic: string, parent: TraceParent | undefined, work: () => Promise<T>): Promise<T>;
}

/** Follows nothing. */
export const noTracer: LogTracer = {
  sends: (_topic, work) => work(undefined),
  begins: () => unfollowed,
  follows: (_topic, _parent, work) => work(),
};

const unfollowed: HandledRecord = { parent: undefined, end: () => undefined };
