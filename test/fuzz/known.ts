import type { Answered } from './request.js';

/** The things that answers have named, by the collection they stand in (`applications`, `reviews`, …), in that order. */
export class Known {
  private readonly byCollection = new Map<string, string[]>();

  learn(collection: string, id: string): void {
    const ids = this.byCollection.get(collection) ?? [];
    if (!ids.includes(id)) this.byCollection.set(collection, [...ids, id]);
  }

  /** Learns what an answer named: by its `Location`, and by the items of a list. */
  hear(path: string, { headers, text }: Answered): void {
    const location = headers['location'];
    const [, collection, id] = /\/([^/]+)\/([^/]+)$/.exec(typeof location === 'string' ? location : '') ?? [];
    if (collection !== undefined && id !== undefined) this.learn(collection, decodeURIComponent(id));
    const items = /"items":\[/.test(text)
      ? (JSON.parse(text) as { items?: { id?: string; name?: string }[] }).items
      : [];
    const list = path.split('/').at(-1) ?? '';
    for (const item of items?.slice(0, 20) ?? []) {
      const name = item.id ?? item.name;
      if (name !== undefined) this.learn(list, name);
    }
  }

  /** The text with every `{{collection:n}}` replaced by the n-th id of it (round and round). */
  filledIn(text: string): string {
    return text.replace(/\{\{([\w-]+):(\d+)\}\}/g, (_whole, collection: string, n: string) => {
      const ids = this.byCollection.get(collection) ?? [];
      return ids[Number(n) % Math.max(1, ids.length)] ?? '019ab000-0000-7000-8000-000000000000';
    });
  }
}
