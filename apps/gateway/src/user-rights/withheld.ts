import { type Reaches, Withholding, type WithholdingRule } from '#smart';

/** What an endpoint withholds from an application, whatever its scopes say. */
export class WithheldFrom {
  readonly #byPurposes = new WeakMap<readonly string[], Withholding>();

  constructor(private readonly rules: readonly WithholdingRule[]) {}

  /**
   * Takes it from what scopes reach.
   *
   * @param purposes what the application was approved for: codes of v3 PurposeOfUse
   */
  from(reaches: Reaches, purposes: readonly string[] = none): Reaches {
    if (this.rules.length === 0) return reaches;
    let withheld = this.#byPurposes.get(purposes);
    if (!withheld) this.#byPurposes.set(purposes, (withheld = new Withholding(this.rules, purposes)));
    // Where all that is withheld is let see for these purposes, nothing has to be looked at.
    return withheld.names.length === 0 ? reaches : { ...reaches, withheld };
  }
}

const none: readonly string[] = [];
