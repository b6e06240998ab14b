import type { TopicsUsed } from '#contracts';
import type { TopicUse } from '#event-log';
import { Injectable } from '@nestjs/common';

/** The topics that the parts of this process send to and read, by their names without prefix, as they were made. */
@Injectable()
export class UsedTopics {
  readonly #topics: Readonly<Record<TopicUse, Set<string>>> = { sends: new Set(), receives: new Set() };

  add(use: TopicUse, topic: string): void {
    this.#topics[use].add(topic);
  }

  all(): TopicsUsed {
    return { sends: [...this.#topics.sends], receives: [...this.#topics.receives] };
  }
}
