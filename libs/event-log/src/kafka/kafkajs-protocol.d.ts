/**
 * The parts of kafkajs 2.2.4 that its own typings leave out: the cluster (metadata, leaders, coordinators) and the
 * broker connection (one method per request of the Kafka protocol). Why we stand on them: docs/adr/0002.
 */
declare module 'kafkajs/src/cluster/index.js' {
  import type { Logger } from 'kafkajs/src/loggers/index.js';

  interface RetryOptions {
    readonly retries?: number;
    readonly initialRetryTime?: number;
    readonly maxRetryTime?: number;
  }

  export interface ProducerIdentity {
    readonly producerId: string;
    readonly producerEpoch: number;
  }

  /** A request, and how its answer is read; kafkajs sends the one and waits for the other. */
  export interface ProtocolRequest<Decoded, Result> {
    readonly request: {
      readonly apiKey: number;
      readonly apiName: string;
      readonly apiVersion: number;
      readonly expectResponse?: () => boolean;
      /** Only these two members of kafkajs's encoder are looked at. */
      readonly encode: () => Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>;
    };
    readonly response: {
      readonly decode: (bytes: Buffer) => Promise<Decoded>;
      readonly parse: (decoded: Decoded) => Promise<Result>;
    };
  }

  export interface Broker {
    readonly nodeId: number | string;
    readonly connectionPool: {
      send<Decoded extends { readonly clientSideThrottleTime: number }, Result>(
        protocolRequest: ProtocolRequest<Decoded, Result>,
      ): Promise<Result>;
      map(callback: (connection: { rejectRequests(error: Error): void }) => void): unknown;
    };
    /** And has shown who it is, where brokers ask for that. */
    isConnected(): boolean;
    disconnect(): Promise<void>;
    listOffsets(request: {
      readonly isolationLevel: number;
      readonly topics: readonly {
        readonly topic: string;
        readonly partitions: readonly { readonly partition: number; readonly timestamp: number }[];
      }[];
    }): Promise<{
      readonly responses: readonly {
        readonly topic: string;
        readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
      }[];
    }>;
    initProducerId(request: {
      readonly transactionalId?: string;
      readonly transactionTimeout: number;
    }): Promise<ProducerIdentity>;
    addPartitionsToTxn(
      request: ProducerIdentity & {
        readonly transactionalId: string;
        readonly topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[];
      },
    ): Promise<unknown>;
    endTxn(
      request: ProducerIdentity & { readonly transactionalId: string; readonly transactionResult: boolean },
    ): Promise<unknown>;
    joinGroup(request: {
      readonly groupId: string;
      readonly sessionTimeout: number;
      readonly rebalanceTimeout: number;
      readonly memberId: string;
      readonly groupProtocols: readonly { readonly name: string; readonly metadata: Buffer }[];
    }): Promise<{
      readonly generationId: number;
      readonly leaderId: string;
      readonly memberId: string;
      readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[];
    }>;
    syncGroup(request: {
      readonly groupId: string;
      readonly generationId: number;
      readonly memberId: string;
      readonly groupAssignment: readonly { readonly memberId: string; readonly memberAssignment: Buffer }[];
    }): Promise<{ readonly memberAssignment: Buffer }>;
    heartbeat(request: {
      readonly groupId: string;
      readonly groupGenerationId: number;
      readonly memberId: string;
    }): Promise<unknown>;
    leaveGroup(request: { readonly groupId: string; readonly memberId: string }): Promise<unknown>;
    offsetFetch(request: {
      readonly groupId: string;
      readonly topics: readonly {
        readonly topic: string;
        readonly partitions: readonly { readonly partition: number }[];
      }[];
    }): Promise<{
      readonly responses: readonly {
        readonly topic: string;
        readonly partitions: readonly { readonly partition: number; readonly offset: string }[];
      }[];
    }>;
    offsetCommit(request: {
      readonly groupId: string;
      readonly groupGenerationId: number;
      readonly memberId: string;
      readonly topics: readonly {
        readonly topic: string;
        readonly partitions: readonly {
          readonly partition: number;
          readonly offset: string;
          readonly metadata?: string;
        }[];
      }[];
    }): Promise<unknown>;
  }

  export interface ClusterOptions {
    readonly logger: Logger;
    readonly socketFactory: unknown;
    readonly brokers: readonly string[];
    readonly ssl?: unknown;
    readonly sasl?: unknown;
    readonly clientId: string;
    readonly connectionTimeout: number;
    readonly requestTimeout: number;
    readonly enforceRequestTimeout: boolean;
    readonly metadataMaxAge: number;
    readonly retry: RetryOptions;
    readonly allowAutoTopicCreation: boolean;
    readonly maxInFlightRequests: number | null;
    readonly isolationLevel: number;
  }

  export default class Cluster {
    constructor(options: ClusterOptions);
    connect(): Promise<void>;
    disconnect(): Promise<void>;
    isConnected(): boolean;
    removeBroker(address: { readonly host: string; readonly port: number }): void;
    refreshMetadata(): Promise<void>;
    refreshMetadataIfNecessary(): Promise<void>;
    addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
    findBroker(node: { readonly nodeId: string | number }): Promise<Broker>;
    findGroupCoordinator(group: { readonly groupId: string; readonly coordinatorType?: number }): Promise<Broker>;
    findTopicPartitionMetadata(topic: string): readonly {
      readonly partitionId: number;
      readonly leader: number;
      readonly isr: readonly number[];
      readonly replicas: readonly number[];
    }[];
  }
}

declare module 'kafkajs/src/network/requestQueue/index.js' {
  export default class RequestQueue {
    pending: unknown[];
    throttledUntil: number;
    readonly inflight: ReadonlyMap<
      number,
      { readonly sentAt: number; readonly requestTimeout: number; timeoutRequest(): void }
    >;
    isConnected(): boolean;
    scheduleCheckPendingRequests(): void;
    scheduleRequestTimeoutCheck(): void;
    destroy(): void;
  }
}

declare module 'kafkajs/src/protocol/error.js' {
  /** Whether a code says that something failed. */
  export function failure(code: number): boolean;
  export function createErrorFromCode(code: number): Error;
}

declare module 'kafkajs/src/protocol/requests/joinGroup/index.js' {
  import type { Broker, ProtocolRequest } from 'kafkajs/src/cluster/index.js';

  type Joined = Awaited<ReturnType<Broker['joinGroup']>>;
  const requests: {
    protocol(version: {
      readonly version: 5;
    }): (
      request: Parameters<Broker['joinGroup']>[0] & { readonly protocolType: 'consumer' },
    ) => ProtocolRequest<Joined & { readonly clientSideThrottleTime: number }, Joined>;
  };
  export default requests;
}

declare module 'kafkajs/src/network/socketFactory.js' {
  export default function createSocketFactory(): unknown;
}

declare module 'kafkajs/src/loggers/index.js' {
  export interface Logger {
    namespace(name: string): Logger;
  }
  const loggers: {
    readonly LEVELS: Readonly<Record<'NOTHING' | 'ERROR' | 'WARN' | 'INFO' | 'DEBUG', number>>;
    createLogger(options: {
      readonly level: number;
      readonly logCreator: (
        level: number,
      ) => (entry: {
        readonly namespace: string;
        readonly level: number;
        readonly log: { readonly message: string; readonly [extra: string]: unknown };
      }) => void;
    }): Logger;
  };
  export default loggers;
}

declare module 'kafkajs/src/consumer/assignerProtocol.js' {
  const protocol: {
    readonly MemberMetadata: {
      encode(metadata: {
        readonly version: number;
        readonly topics: readonly string[];
        readonly userData: Buffer;
      }): Buffer;
      decode(buffer: Buffer): { readonly userData: Buffer | null };
    };
    readonly MemberAssignment: {
      encode(assignment: {
        readonly version: number;
        readonly assignment: Readonly<Record<string, readonly number[]>>;
      }): Buffer;
      decode(buffer: Buffer): { readonly assignment: Readonly<Record<string, readonly number[]>> } | null;
    };
  };
  export default protocol;
}

declare module 'kafkajs/src/protocol/decoder.js' {
  export default class Decoder {
    constructor(bytes: Buffer);
  }
}

declare module 'kafkajs/src/protocol/recordBatch/v0/decoder.js' {
  import type Decoder from 'kafkajs/src/protocol/decoder.js';
  export default function decode(decoder: Decoder): Promise<{
    readonly firstOffset: string;
    readonly records: readonly {
      readonly offset: string;
      readonly key: Buffer | null;
      readonly value: Buffer | null;
      readonly headers: Readonly<Record<string, Buffer>>;
    }[];
  }>;
}
