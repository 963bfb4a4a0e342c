import type { Browser, Page } from 'playwright-core';
import { type EmbeddedPods, startPods } from '../../dev/embedded/pods.ts';
import { launch } from './chromium.ts';

let running: EmbeddedPods;
let browser: Browser;

beforeAll(async () => {
  browser = await launch();
  running = await startPods({ pods: 3, port: 0, sidecarPort: 0, onError: () => {} });
});

afterAll(async () => {
  await browser?.close();
  await running?.stop();
});

const standing = (page: Page, text: string) =>
  page.getByTestId('consistency').filter({ hasText: text }).waitFor();

test('while Redis is gone theme and open notes stay, also when the pod that saved them goes, and the page says where they stand', async () => {
  const [first, second] = running.pods;
  if (!first || !second) throw new Error('there are too few pods');
  const context = await browser.newContext({ viewport: { width: 1240, height: 900 } });
  const page = await context.newPage();
  await page.goto(first.pageUrl);
  await page.getByTestId('version').filter({ hasText: /\d/ }).waitFor();
  await standing(page, 'stored for all pods');

  running.world.reachable = false;
  await page.getByRole('radio', { name: 'dark' }).check({ force: true });
  await standing(page, 'held by other pods until Redis is back');
  await page.locator('html[data-theme="dark"]').waitFor();

  // A browser's cookie is for all ports of a host, so another pod's page has the same session.
  await first.stop();
  await page.goto(second.pageUrl);
  await page.locator('html[data-theme="dark"]').waitFor();
  await standing(page, 'held by other pods until Redis is back');

  running.world.reachable = true;
  await page.getByRole('button', { name: 'Read again' }).click();
  await standing(page, 'stored for all pods');
  expect(await page.locator('html').getAttribute('data-theme')).toBe('dark');
});
