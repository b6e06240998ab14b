interface Place<T> {
  readonly item: T;
  /** Where it stands in the list; -1 when it is over. */
  at: number;
}

/**
 * What is under way and will be over soon: requests, calls. Whoever stops or cuts looks at all of it.
 *
 * It is no `Set`, since V8 keeps what left one: a table that was replaced points to its successor, so that one which has
 * become old holds all later ones, and what was in them, until the next collection of everything. Each request would
 * survive its collection in the nursery, be copied, and stay (docs/adr/0024).
 */
export class UnderWay<T> {
  readonly #places: Place<T>[] = [];

  /** How many are under way. */
  get size(): number {
    return this.#places.length;
  }

  /** All that is under way now, in no order. */
  get all(): readonly T[] {
    return this.#places.map(({ item }) => item);
  }

  /** Begins one; the function that it gives back ends it, once. */
  begin(item: T): () => void {
    const place: Place<T> = { item, at: this.#places.length };
    this.#places.push(place);
    return () => this.#end(place);
  }

  #end(place: Place<T>): void {
    const { at } = place;
    if (at < 0) return;
    place.at = -1;
    const last = this.#places.pop();
    if (last === undefined || last === place) return;
    last.at = at;
    this.#places[at] = last;
  }
}
