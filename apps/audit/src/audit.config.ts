import { type BaseConfig, Setting, type ConfigSection, type ServiceIdentity } from '#host';
import { IsInt, Matches, Max, Min } from 'class-validator';

/** Settings of the audit. */
export class AuditConfig implements ConfigSection {
  @Setting('AUDIT_CHECKPOINT_SECONDS', {
    mustBe: 'a number of seconds from 1 to 86400',
    describe: 'How long after the last one a partition that has grown is signed again.',
  })
  @IsInt()
  @Min(1)
  @Max(86_400)
  checkpointSeconds: number = 60;

  @Setting('AUDIT_ORIGIN', {
    mustBe: 'a name without spaces and without +, for example gatehouse.example.org/audit',
    describe: 'Under which name checkpoints are signed; topic and partition follow it. Never change it.',
    byDefault: '`PUBLIC_URL` without its scheme, and /audit',
  })
  @Matches(/^[^\s+]{1,200}$/)
  origin?: string;

  complete(_service: ServiceIdentity, base: object): void {
    const { publicUrl } = base as Partial<BaseConfig>;
    if (publicUrl !== undefined) this.origin ??= `${publicUrl.replace(/^[a-z]+:\/\//, '')}/audit`;
  }
}

/** The name that the checkpoints of a partition are signed under (C2SP tlog-checkpoint, origin). */
export function originOf({ origin = '' }: AuditConfig, topic: string, partition: number): string {
  return `${origin}/${topic}/${partition}`;
}
