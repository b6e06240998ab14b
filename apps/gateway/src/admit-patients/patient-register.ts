/** What stands in a register about a patient: a permission, an objection, or nothing. An objection outweighs. */
export type Standing = 'permit' | 'deny' | 'nothing';

/** Where it is kept who is attributed to whom, who opted in and who opted out. */
export interface PatientRegister {
  /**
   * What it says of each patient now, for a client; who is not in the answer stands nowhere.
   *
   * @param purposes what the client was approved for: codes of v3 PurposeOfUse
   * @throws Unanswered
   */
  says(
    patients: readonly string[],
    clientId: string,
    purposes: readonly string[],
  ): Promise<ReadonlyMap<string, Standing>>;
  close(): Promise<void>;
}
