export interface TokenCountRow {
  readonly count: number;
  readonly first: Date | null;
  readonly last: Date | null;
}

export interface TokenRow {
  readonly id: string;
  readonly time: Date;
  readonly token_id: string;
  readonly scope: string;
  readonly approval_version: number;
  readonly grant_type: string;
  readonly expires_at: string;
}

export interface AccessCountRow {
  readonly interaction: string | null;
  readonly resource_type: string | null;
  readonly last: Date;
  readonly allowed: number;
  readonly denied: number;
}

export interface AccessRow {
  readonly id: string;
  readonly time: Date;
  readonly outcome: string;
  readonly interaction: string | null;
  readonly resource: string | null;
  readonly scope: string | null;
  readonly approval_version: number | null;
  readonly token_id: string | null;
  readonly user_id: string | null;
  readonly patient: string | null;
  readonly purposes: readonly string[] | null;
  readonly reason: string | null;
  readonly observed: string | null;
  readonly status: number | null;
  readonly ending: string | null;
  readonly patients: readonly string[] | null;
}

/** When tokens were issued: how many, the first and the last, and the newest ones. */
export function tokensIn([counts]: readonly TokenCountRow[], tokens: readonly TokenRow[]) {
  return {
    count: counts?.count ?? 0,
    ...known({ first: counts?.first?.toISOString(), last: counts?.last?.toISOString() }),
    items: tokens.map((row) => ({
      id: row.id,
      at: row.time.toISOString(),
      tokenId: row.token_id,
      grantType: row.grant_type,
      scope: row.scope,
      approvalVersion: row.approval_version,
      expiresAt: row.expires_at,
    })),
  };
}

/** What was accessed: how many calls were let in and refused, by interaction and type, and the newest ones. */
export function accessIn(counts: readonly AccessCountRow[], accesses: readonly AccessRow[]) {
  return {
    allowed: counts.reduce((sum, { allowed }) => sum + allowed, 0),
    denied: counts.reduce((sum, { denied }) => sum + denied, 0),
    byInteraction: counts.map((row) => ({
      ...known({ interaction: row.interaction, resourceType: row.resource_type }),
      allowed: row.allowed,
      denied: row.denied,
      last: row.last.toISOString(),
    })),
    items: accesses.map(({ id, time, outcome, ...row }) => ({
      id,
      at: time.toISOString(),
      outcome,
      ...known({
        interaction: row.interaction,
        resource: row.resource,
        scope: row.scope,
        approvalVersion: row.approval_version,
        tokenId: row.token_id,
        userId: row.user_id,
        patient: row.patient,
        purposes: row.purposes,
        reason: row.reason,
        observed: row.observed,
        status: row.status,
        ending: row.ending,
        patients: row.patients,
      }),
    })),
  };
}

/** An object without what is not known. */
function known(members: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null && value !== undefined));
}
