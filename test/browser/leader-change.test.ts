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

const open = async (url: string): Promise<Page> => {
  const page = await (await browser.newContext()).newPage();
  await page.goto(url);
  await page.getByTestId('term').waitFor();
  return page;
};
const leaderOn = (page: Page) =>
  page.getByTestId('member').filter({ hasText: 'leader' }).locator('.pod-name');

test('when the leader’s pod goes, the others’ windows show the next one, in a higher term, and the session stays', async () => {
  const windows = await Promise.all(running.pods.map(({ pageUrl }) => open(pageUrl)));
  const leader = await leaderOn(windows[0] as Page).innerText();
  const index = running.pods.findIndex(({ podId }) => podId === leader);
  const [left] = windows.splice(index, 1);
  const term = Number(await windows[0]?.getByTestId('term').innerText());
  const dark = windows[0]?.getByRole('radio', { name: 'dark' });
  await dark?.check({ force: true });

  await running.pods[index]?.stop();

  await left?.getByText('Connection lost').waitFor();
  for (const page of windows) {
    await page
      .getByTestId('log')
      .getByText(/leads now, in term/)
      .waitFor();
    await page.getByTestId('member').nth(2).waitFor({ state: 'detached' });
    expect(await leaderOn(page).innerText()).not.toBe(leader);
    expect(Number(await page.getByTestId('term').innerText())).toBeGreaterThan(term);
  }
  expect(await leaderOn(windows[0] as Page).innerText()).toBe(await leaderOn(windows[1] as Page).innerText());
  await windows[0]?.reload();
  await windows[0]?.locator('html[data-theme="dark"]').waitFor();
});
