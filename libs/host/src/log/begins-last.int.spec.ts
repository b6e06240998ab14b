import { startTestService, testIssuer } from '#testing';
import { Injectable, Module, type OnModuleInit } from '@nestjs/common';
import { isolate } from '../../../../test/environment/isolation.js';
import { HealthRegistry } from '../health/health-registry.js';
import { provideLogPart } from './log-providers.js';

const begun: string[] = [];
const slow = { isReady: false };

@Injectable()
class SlowToStart implements OnModuleInit {
  constructor(private readonly health: HealthRegistry) {}

  onModuleInit(): void {
    this.health.register('slow', () => {
      if (!slow.isReady) throw new Error('not yet');
    });
  }
}

const earlyBegan = Promise.withResolvers<void>();

const part =
  (name: string, onStart = (): void => {}) =>
  () => ({
    start: () => {
      begun.push(name);
      onStart();
    },
    close: () => Promise.resolve(),
  });

@Module({
  providers: [
    ...provideLogPart('last', 'takes partitions', [], part('last'), 'last'),
    ...provideLogPart('other last', 'takes partitions too', [], part('other last'), 'last'),
    ...provideLogPart('early', 'reads the log', [], part('early', earlyBegan.resolve)),
    SlowToStart,
  ],
})
class PartsModule {}

describe('a part that takes work over from other instances', () => {
  it('begins when every other check has passed, and the process is ready after that', async () => {
    const [own, issuer] = await Promise.all([isolate(), testIssuer()]);
    const service = await startTestService(
      { name: 'parts', defaultPort: 0, module: PartsModule },
      { databaseUrl: own.databaseUrl, issuer, waitUntilReady: false },
    );
    try {
      // Those that begin last stand before it, and would have begun before it.
      await earlyBegan.promise;
      const { checks } = await service.app.get(HealthRegistry).check();
      expect([begun, checks['takes partitions']?.status]).toEqual([['early'], 'down']);
      slow.isReady = true;
      expect(await service.ready()).toBe(true);
      expect(begun).toEqual(['early', 'last', 'other last']);
    } finally {
      await service.close();
      await Promise.all([own.dispose(), issuer.close()]);
    }
  });
});
