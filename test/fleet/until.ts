const LOOK_EVERY_MS = 20;
const GIVE_UP_AFTER_MS = 90_000;

/**
 * Waits for what tells nobody: it is looked at again and again.
 *
 * @param seen what there is to see of it, for whoever reads why it never came
 */
export async function until(condition: () => boolean, seen: () => unknown): Promise<void> {
  const begun = performance.now();
  while (!condition()) {
    if (performance.now() - begun > GIVE_UP_AFTER_MS) throw new Error(`It never came; seen: ${JSON.stringify(seen())}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
