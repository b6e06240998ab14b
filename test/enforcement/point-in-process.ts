import { isObject } from '#smart';
import { Unanswered } from '../../apps/gateway/src/ask-rights/unanswered.js';
import { AuthzenRights } from '../../apps/gateway/src/user-rights/authzen/authzen-rights.js';
import { BASE } from './gateway-in-process.js';

/** A decision point in the same process, which decides by type and id alone. */
export class PointInProcess {
  lets: (key: string) => boolean = () => false;
  readonly rights = new AuthzenRights(
    'point',
    {
      ask: async ({ body }) => {
        const asked = isObject(body) ? body : {};
        const { evaluations } = asked;
        const many = Array.isArray(evaluations) ? evaluations : undefined;
        const json = many ? { evaluations: many.map((it) => this.#decide(it)) } : this.#decide(asked);
        return await Promise.resolve({ json, headers: {} });
      },
      unreadable: (why) => new Unanswered(why),
    },
    { id: 'default', base: BASE },
    10,
  );

  #decide(asked: unknown): object {
    const resource = isObject(asked) ? asked['resource'] : undefined;
    if (!isObject(resource)) throw new Error('asked about nothing');
    return { decision: this.lets(`${String(resource['type'])}/${String(resource['id'])}`) };
  }
}
