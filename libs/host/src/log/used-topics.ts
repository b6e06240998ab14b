import { groupsOf, isLogService, logUses, receivedBy, sentBy, type TopicsUsed } from '#contracts';
import type { TopicUse } from '#event-log';
import { Injectable } from '@nestjs/common';

/** The topics that the parts of this process send to and read, and the groups they join, by their names without prefix. */
@Injectable()
export class UsedTopics {
  readonly #topics: Readonly<Record<TopicUse, Set<string>>> = { sends: new Set(), receives: new Set() };
  readonly #groups = new Set<string>();

  add(use: TopicUse, topic: string): void {
    this.#topics[use].add(topic);
  }

  addGroup(group: string): void {
    this.#groups.add(group);
  }

  all(): TopicsUsed {
    return { sends: [...this.#topics.sends], receives: [...this.#topics.receives] };
  }

  /** What a service uses though its row of `logUses` does not name it; nothing for a process that has no row. */
  undeclaredBy(service: string): readonly string[] {
    if (!isLogService(service)) return [];
    const use = logUses[service];
    const beyond = (used: ReadonlySet<string>, declared: readonly string[], verb: string): readonly string[] =>
      [...used].filter((name) => !declared.includes(name)).map((name) => `${service} ${verb} ${name}`);
    return [
      ...beyond(this.#topics.sends, sentBy(use), 'writes'),
      ...beyond(this.#topics.receives, receivedBy(use), 'reads'),
      ...beyond(this.#groups, groupsOf(use), 'joins'),
    ];
  }
}
