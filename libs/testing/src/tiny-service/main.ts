import { Public, startService } from '#host';
import { Controller, Get, Module, type OnModuleDestroy } from '@nestjs/common';
import { setTimeout as wait } from 'node:timers/promises';

/** A service with nothing but what a test of the process's life needs. */
@Controller('tiny')
@Public()
class TinyController {
  /** Answers after a while, to be in flight when the process is told to stop. */
  @Get('slow')
  async slow() {
    process.stdout.write('slow began\n');
    await wait(500);
    return { done: true };
  }

  /** Fails where nobody catches it. */
  @Get('uncaught')
  uncaught() {
    setImmediate(() => {
      throw new Error('thrown aside');
    });
    return {};
  }

  @Get('rejected')
  rejected() {
    void Promise.reject(new Error('rejected aside'));
    return {};
  }
}

@Module({ controllers: [TinyController] })
class TinyModule implements OnModuleDestroy {
  onModuleDestroy(): void {
    process.stdout.write('modules closed\n');
  }
}

await startService(
  { name: 'tiny', defaultPort: 0, module: TinyModule },
  { announce: ({ url }) => `tiny is ready at ${url}` },
);
