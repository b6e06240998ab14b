import type { Position } from '#contracts';
import { Database, InjectProjection, notFound, type Page, pageOf, type ProjectionReadiness, VAULT } from '#host';
import type { Vault } from '#vault';
import { Inject, Injectable } from '@nestjs/common';
import {
  campaignOf,
  type CampaignRow,
  itemOf,
  type ItemRow,
  partiesOf,
  type Party,
  selectCampaigns,
  selectItems,
} from './campaign-rows.js';
import { campaignsProjection } from './campaigns.projection.js';

/** What may be asked of a campaign's items. */
interface ItemsAsked {
  readonly limit: number;
  /** The id of the last item of the page before. */
  readonly after?: string;
  readonly decision?: string | undefined;
  readonly recommendation?: string | undefined;
  readonly applicationId?: string | undefined;
}

/** Campaigns as the projection has them. */
@Injectable()
export class Campaigns {
  constructor(
    private readonly database: Database,
    @InjectProjection(campaignsProjection) private readonly projection: ProjectionReadiness,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  /** @throws ProblemException 503 when the projection has not got so far within 2 s */
  async reached(seen: readonly Position[]): Promise<void> {
    await this.projection.reached(seen);
  }

  /** The newest first; `after` names the last of the page before. */
  async list(limit: number, status: string | undefined, after: readonly (string | number)[] | undefined) {
    const rows = await this.database.query<CampaignRow>(
      `${selectCampaigns}
        WHERE ($1::text IS NULL OR c.status = $1)
          AND ($2::timestamptz IS NULL OR (c.opened_at, c.id) < ($2::timestamptz, $3::uuid))
        ORDER BY c.opened_at DESC, c.id DESC LIMIT $4`,
      [status ?? null, after?.[0] ?? null, after?.[1] ?? null, limit + 1],
    );
    return pageOf(rows, limit, campaignOf, (row) => [row.opened, row.id]);
  }

  /** @throws ProblemException 404 */
  async read(id: string): Promise<CampaignRow> {
    const [row] = await this.database.query<CampaignRow>(`${selectCampaigns} WHERE c.id = $1`, [id]);
    if (row === undefined) throw notFound();
    return row;
  }

  async items(campaignId: string, asked: ItemsAsked): Promise<Page<ReturnType<typeof itemOf>>> {
    const rows = await this.database.query<ItemRow>(
      `${selectItems}
        WHERE i.campaign_id = $1 AND ($2::uuid IS NULL OR i.id > $2)
          AND ($3::text IS NULL OR coalesce(i.decision, 'none') = $3)
          AND ($4::text IS NULL OR i.recommendation = $4)
          AND ($5::uuid IS NULL OR i.application_id = $5)
        ORDER BY i.id LIMIT $6`,
      [
        campaignId,
        asked.after ?? null,
        asked.decision ?? null,
        asked.recommendation ?? null,
        asked.applicationId ?? null,
        asked.limit + 1,
      ],
    );
    const name = await this.naming(partiesOf(rows));
    return pageOf(
      rows,
      asked.limit,
      (row) => itemOf(row, name),
      (row) => [row.id],
    );
  }

  /** @throws ProblemException 404 */
  async item(id: string) {
    const [row] = await this.database.query<ItemRow>(`${selectItems} WHERE i.id = $1`, [id]);
    if (row === undefined) throw notFound();
    return itemOf(row, await this.naming(partiesOf([row])));
  }

  /** The campaign with all of its items, everyone named. */
  async evidence(id: string) {
    const row = await this.read(id);
    const items = await this.database.query<ItemRow>(`${selectItems} WHERE i.campaign_id = $1 ORDER BY i.id`, [id]);
    const closers = row.closed_by === null ? [] : [row.closed_by];
    const name = await this.naming([...partiesOf(items), row.opened_by, ...closers]);
    return {
      campaign: campaignOf(row),
      openedBy: name(row.opened_by),
      ...(row.closed_by === null ? {} : { closedBy: name(row.closed_by) }),
      ...(row.close_reason === null ? {} : { closeReason: row.close_reason }),
      items: items.map((item) => itemOf(item, name)),
    };
  }

  private async naming(ids: readonly string[]): Promise<(id: string) => Party> {
    const people = await this.vault.lookupSubjects(ids);
    return (id) => {
      const known = people.get(id);
      const name = known?.name ?? known?.email;
      return name === undefined ? { id } : { id, name };
    };
  }
}
