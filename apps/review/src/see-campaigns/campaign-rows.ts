/** A person by the id that stands in the log, with a name where the vault knows one. */
export interface Party {
  readonly id: string;
  readonly name?: string;
}

export interface CampaignRow {
  readonly id: string;
  /** With microseconds, so that a cursor names the place exactly. */
  readonly opened: string;
  readonly version: number;
  readonly name: string;
  readonly status: 'open' | 'closed';
  readonly due_at: Date;
  readonly include: object;
  readonly on_silence: string;
  readonly population: number;
  readonly decided: number;
  readonly by_silence: number;
  readonly opened_at: Date;
  readonly opened_by: string;
  readonly reminded_at: Date | null;
  readonly closed_at: Date | null;
  readonly closed_by: string | null;
  readonly close_reason: string | null;
}

export const selectCampaigns = `
  SELECT c.*, to_char(c.opened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS opened,
         n.decided, n.by_silence
    FROM projection.campaigns c
   CROSS JOIN LATERAL (SELECT (count(*) FILTER (WHERE NOT by_silence))::integer AS decided,
                              (count(*) FILTER (WHERE by_silence))::integer AS by_silence
                         FROM projection.campaign_items WHERE campaign_id = c.id) n`;

/** The campaign as the answer to a command shows it too. */
export function campaignOf(row: CampaignRow) {
  return {
    id: row.id,
    name: row.name,
    status: row.status,
    dueAt: row.due_at.toISOString(),
    include: row.include,
    onSilence: row.on_silence,
    population: row.population,
    openedAt: row.opened_at.toISOString(),
    openedBy: row.opened_by,
    ...(row.reminded_at === null ? {} : { remindedAt: row.reminded_at.toISOString() }),
    ...(row.closed_at === null ? {} : { closedAt: row.closed_at.toISOString() }),
    ...(row.closed_by === null ? {} : { closedBy: row.closed_by }),
    version: row.version,
    decided: row.decided,
    bySilence: row.by_silence,
    undecided: row.population - row.decided - row.by_silence,
  };
}

export interface ItemRow {
  readonly id: string;
  readonly campaign_id: string;
  readonly application_id: string;
  readonly application_name: string;
  readonly owner_id: string;
  readonly scopes: readonly string[];
  readonly evidence: object;
  readonly recommendation: string;
  readonly decision: string | null;
  readonly decision_scopes: readonly string[] | null;
  readonly reason: string | null;
  readonly by_silence: boolean | null;
  readonly decided_by: string | null;
  readonly decided_at: Date | null;
}

export const selectItems = 'SELECT i.* FROM projection.campaign_items i';

/** An item as it is answered (api.md, Shapes). */
export function itemOf(row: ItemRow, name: (id: string) => Party) {
  return {
    id: row.id,
    campaignId: row.campaign_id,
    applicationId: row.application_id,
    applicationName: row.application_name,
    owner: name(row.owner_id),
    scopes: row.scopes,
    evidence: row.evidence,
    recommendation: row.recommendation,
    ...(row.decision === null || row.decided_by === null
      ? {}
      : {
          decision: {
            decision: row.decision,
            ...(row.decision_scopes === null ? {} : { scopes: row.decision_scopes }),
            reason: row.reason,
            by: name(row.decided_by),
            at: row.decided_at?.toISOString(),
            bySilence: row.by_silence === true,
          },
        }),
  };
}

/** Everyone who is to be named with these items. */
export function partiesOf(rows: readonly ItemRow[]): readonly string[] {
  return [...new Set(rows.flatMap((row) => [row.owner_id, ...(row.decided_by === null ? [] : [row.decided_by])]))];
}
