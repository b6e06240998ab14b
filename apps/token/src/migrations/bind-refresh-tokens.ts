import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The key whose holder earned a refresh token: its RFC 7638 thumbprint (RFC 9449, 5). */
export class BindRefreshTokens1763942400032 implements MigrationInterface {
  readonly name = 'BindRefreshTokens1763942400032';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE protocol.refresh_tokens ADD COLUMN jkt text');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE protocol.refresh_tokens DROP COLUMN jkt');
  }
}
