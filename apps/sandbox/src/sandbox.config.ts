import { BaseConfig, type ConfigFault, type ConfigSection } from '#host';
import { sandboxFaults } from './start-sandbox.js';

/** The sandbox has no settings of its own; with it, a service refuses to start anywhere but in development. */
export class SandboxConfig implements ConfigSection {
  faults(base: object): readonly ConfigFault[] {
    return base instanceof BaseConfig ? sandboxFaults(base) : [];
  }
}
