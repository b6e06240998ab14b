import { BaseConfig, type ConfigFault, type ConfigSection, Setting } from '#host';
import { IsEmail, IsOptional, Matches } from 'class-validator';

const LOCAL = 'gatehouse@localhost';

/** How contacts of applications are written to. */
export class NoticeConfig implements ConfigSection {
  @Setting('SMTP_URL', {
    mustBe: 'a URL that starts with smtps:// or smtp://',
    describe:
      'The mail server that tells contacts of new keys and secrets. Outside development TLS is required. Without it notices are tried for a day and then reported as lost.',
    secret: true,
    byDefault: 'in development: a file, DATA_DIR/notices.jsonl',
  })
  @IsOptional()
  @Matches(/^smtps?:\/\/[^\s/]+\/?$/)
  smtpUrl?: string;

  @Setting('NOTICE_FROM', {
    mustBe: 'a mail address',
    describe: 'The sender of what contacts are told.',
    byDefault: '`gatehouse@localhost` in development, or without SMTP_URL',
  })
  @IsEmail({ allow_display_name: false, require_tld: false })
  noticeFrom: string = LOCAL;

  faults(base: object): readonly ConfigFault[] {
    const isDevelopment = base instanceof BaseConfig && base.development;
    if (isDevelopment || this.smtpUrl === undefined || this.noticeFrom !== LOCAL) return [];
    return [
      { variable: 'NOTICE_FROM', mustBe: 'set together with SMTP_URL: nobody can answer this one', given: LOCAL },
    ];
  }
}
