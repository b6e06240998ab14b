import { hkdfSync } from 'node:crypto';
import { ArrayMaxSize, Matches } from 'class-validator';
import { CommandKeys, isLogService, logUses } from '#contracts';
import { BaseConfig } from '../config/base-config.js';
import { Setting, type ConfigFault, type ConfigSection, type ServiceIdentity } from '../config/setting.js';
import { localVaultKey, type VaultConfig } from '../config/vault-config.js';

const mustBe = 'a list of name:key, each key 32 random bytes in base64, at most 8, no name twice';

/** The keys of the MAC of commands (docs/adr/0031). */
export class CommandKeysConfig implements ConfigSection {
  @Setting('COMMAND_KEYS', {
    mustBe,
    describe:
      'Commands get their MAC by the first of these keys; all of them count. For the services that decide (registration, approval, token, review), the same for each; no other should have them.',
    secret: true,
    byDefault: 'made of VAULT_KEY in development',
  })
  @ArrayMaxSize(8)
  @Matches(/^[\w-]{1,32}:[A-Za-z0-9+/_-]{43}=?$/, { each: true })
  commandKeys: string[] = [];

  private needed = false;

  complete({ name }: ServiceIdentity): void {
    this.needed = name === 'gatehouse' || (isLogService(name) && logUses[name].context !== undefined);
  }

  faults(base: object): readonly ConfigFault[] {
    const names = this.commandKeys.map((each) => each.split(':', 1)[0]);
    const missing = this.needed && names.length === 0 && !(base instanceof BaseConfig && base.development);
    return missing || new Set(names).size < names.length ? [{ variable: 'COMMAND_KEYS', mustBe }] : [];
  }

  /** Undefined for a service that sends no commands and decides none, and was given no keys. */
  keys(base: BaseConfig, vault: VaultConfig): CommandKeys | undefined {
    const [first, ...others] = this.commandKeys.map((each) => {
      const [id = '', key = ''] = each.split(':');
      return { id, key: Buffer.from(key, 'base64') };
    });
    if (first !== undefined) return new CommandKeys([first, ...others]);
    if (!base.development) return undefined;
    const key = hkdfSync('sha256', localVaultKey(vault, base), Buffer.alloc(0), 'gatehouse commands', 32);
    return new CommandKeys([{ id: 'development', key: Buffer.from(key) }]);
  }
}
