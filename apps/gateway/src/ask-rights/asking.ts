import {
  type FhirInteraction,
  type FhirResource,
  isAboutOthers,
  isResourceType,
  judge,
  linksOf,
  patientsNamedIn,
  type ResourceType,
  type ScopeContext,
  type ScopeInteraction,
  type Sight,
} from '#smart';
import { NotAnswered } from '../answer/not-answered.js';
import { fhirError } from '../proxy/operation-outcome.js';
import type { CallRights } from './call-rights.js';
import type { AskedResource, RightToSee } from './right-to-see.js';

/** About so many resources somebody is asked in one call. */
const ASKED_ABOUT_AT_MOST = 2_000;

type Answers = Map<ScopeInteraction, Promise<boolean>>;

/** Asks others about the resources of one call, each once for what is to be done with it. */
export class Asking {
  readonly #known = new Map<RightToSee, WeakMap<FhirResource, Answers>>();
  readonly #beyond = new Map<RightToSee, Sight>();
  readonly #denied = new WeakMap<FhirResource, string>();
  readonly #about = new Map<RightToSee, number>();
  /** Of Binaries that a document shows. */
  readonly #shown = new Set<unknown>();

  constructor(
    private readonly rights: CallRights,
    private readonly sight: Sight,
  ) {}

  /**
   * Whether all who are to be asked let through a resource that scopes reach.
   *
   * @throws Unanswered
   */
  async lets(resource: FhirResource, letter: ScopeInteraction): Promise<boolean> {
    return await this.#allLet(resource, letter, (right) => this.#isAsked(right, resource, letter));
  }

  /**
   * Whether all let a resource through who cut scopes of a context, whatever else reaches it.
   *
   * @throws Unanswered
   */
  async letsIn(context: ScopeContext, resource: FhirResource): Promise<boolean> {
    const { resourceType: type } = resource;
    return await this.#allLet(
      resource,
      'r',
      (right) => right.contexts.has(context) && isResourceType(type) && right.concerns(type),
    );
  }

  async #allLet(
    resource: FhirResource,
    letter: ScopeInteraction,
    isAsked: (right: RightToSee) => boolean,
  ): Promise<boolean> {
    for (const right of this.rights.asked) {
      if (!isAsked(right)) continue;
      const [asked] = this.#answersOf(right, resource).has(letter) ? [] : this.#ask(right, [resource], letter);
      if (!(await (asked ?? this.#answersOf(right, resource).get(letter)))) {
        this.#denied.set(resource, right.by);
        return false;
      }
    }
    return true;
  }

  /** Asks about many resources together. That nobody answers shows where an answer is needed. */
  async foresee(resources: readonly FhirResource[], letter: ScopeInteraction): Promise<void> {
    for (const right of this.rights.asked) {
      const unknown = resources.filter(
        (it) =>
          this.#isAsked(right, it, letter) &&
          !this.#answersOf(right, it).has(letter) &&
          judge(it, letter, this.sight).kind !== 'hidden',
      );
      if (unknown.length > 0) await Promise.allSettled(this.#ask(right, unknown, letter));
    }
  }

  /** Notes that a Binary belongs to a document, which is seen. */
  noteShown({ id }: FhirResource): void {
    this.#shown.add(id);
  }

  /** Who did not let a resource through; undefined where nobody was against it. */
  deniedBy(resource: FhirResource): string | undefined {
    return this.#denied.get(resource);
  }

  /**
   * Asks those who were not asked in this call, about what it names: whether they answer must not tell whether there was
   * something to ask about.
   *
   * @throws Unanswered
   */
  async mustAnswer(interaction: FhirInteraction): Promise<void> {
    const type = 'type' in interaction ? interaction.type : 'Patient';
    const id = 'id' in interaction ? { id: interaction.id } : {};
    await this.mustAnswerFor(type, letterOf(interaction), id);
  }

  /** As `mustAnswer`, of a type whatever the call names. */
  async mustAnswerFor(type: ResourceType, letter: ScopeInteraction, id: { readonly id?: string } = {}): Promise<void> {
    for (const right of this.rights.asked) {
      if (this.rights.wasAsked(right) || !right.concerns(type)) continue;
      const nothing: AskedResource = {
        type,
        ...id,
        patients: [],
        aboutOthers: false,
        belongs: false,
        letter,
      };
      await this.rights.answered(right, 1, right.ask([nothing]));
    }
  }

  /** Whether it is asked about a resource: not where a scope reaches it that the right does not cut. */
  #isAsked(right: RightToSee, resource: FhirResource, letter: ScopeInteraction): boolean {
    const { resourceType: type } = resource;
    if (!isResourceType(type) || !right.concerns(type)) return false;
    let beyond = this.#beyond.get(right);
    if (!beyond) {
      const scopes = this.sight.scopes.filter((it) => it.kind === 'resource' && !right.contexts.has(it.context));
      this.#beyond.set(right, (beyond = { ...this.sight, scopes }));
    }
    return beyond.scopes.length === 0 || judge(resource, letter, beyond).kind === 'hidden';
  }

  #answersOf(right: RightToSee, resource: FhirResource): Answers {
    let known = this.#known.get(right);
    if (!known) this.#known.set(right, (known = new WeakMap()));
    let answers = known.get(resource);
    if (!answers) {
      answers = new Map<ScopeInteraction, Promise<boolean>>();
      known.set(resource, answers);
    }
    return answers;
  }

  #ask(right: RightToSee, resources: readonly FhirResource[], letter: ScopeInteraction): readonly Promise<boolean>[] {
    const asked = (this.#about.get(right) ?? 0) + resources.length;
    if (asked > ASKED_ABOUT_AT_MOST) throw tooMuch();
    this.#about.set(right, asked);
    const about = resources.map((resource) => this.#aboutOf(resource, letter));
    const all = this.rights.counted(right, about.length, right.ask(about));
    return resources.map((resource, at) => {
      const answer = all.then((each) => each[at] === true);
      this.#answersOf(right, resource).set(letter, answer);
      return answer;
    });
  }

  #aboutOf(resource: FhirResource, letter: ScopeInteraction): AskedResource {
    const { resourceType: type, id } = resource;
    if (!isResourceType(type)) throw new Error('asked about what is no resource');
    const { bases } = this.sight;
    const patients = patientsNamedIn(resource, type, bases);
    const aboutOthers = isAboutOthers(resource, type, bases);
    const belongs = linksOf(resource, bases) !== undefined || (type === 'Binary' && this.#shown.has(id));
    return { type, ...(typeof id === 'string' ? { id } : {}), patients, aboutOthers, belongs, letter, resource };
  }
}

function letterOf({ kind }: FhirInteraction): ScopeInteraction {
  if (kind.endsWith('create')) return 'c';
  if (kind.endsWith('update') || kind.endsWith('patch')) return 'u';
  if (kind.endsWith('delete')) return 'd';
  return kind.startsWith('search') || kind === 'history-type' ? 's' : 'r';
}

function tooMuch(): NotAnswered {
  const text = 'This call is about more resources than the gateway asks about in one; narrow it.';
  return new NotAnswered(fhirError(403, 'too-costly', text), 'too many resources to ask about');
}
