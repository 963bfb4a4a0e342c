import { mkdir, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { launch } from './chromium.ts';
import { lowContrast } from './contrast.ts';
import { openPages, type Pages } from './pages.ts';
import { tellAStory } from './story.ts';

const DOCS_IMAGES = join(import.meta.dirname, '../../docs/images');

let pages: Pages;
let browser: Browser;
/** Two people, each at home on another pod. */
let here: Page;
let there: Page;
const complaints: string[] = [];

const watch = (context: BrowserContext): BrowserContext => {
  context.on('page', (page) => {
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(`${page.url()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.message}`));
  });
  return context;
};

async function open(context: BrowserContext, pod: number): Promise<Page> {
  const page = await context.newPage();
  await page.goto(pages.urls[pod] as string);
  await page.getByTestId('member').nth(1).waitFor();
  await page.getByTestId('version').filter({ hasText: /\d/ }).waitFor();
  return page;
}

const newContext = async (options: Parameters<Browser['newContext']>[0] = {}) =>
  watch(await browser.newContext({ viewport: { width: 1240, height: 900 }, ...options }));

const theme = (page: Page, name: string) => page.getByRole('radio', { name, exact: true });
const shownTheme = (page: Page) => page.evaluate(() => document.documentElement.dataset['theme']);
const background = (page: Page) =>
  page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
const saved = (page: Page) =>
  page
    .getByTestId('consistency')
    .filter({ hasText: /^(stored|held)/ })
    .waitFor();
const focus = (page: Page) => page.evaluate(() => window.dispatchEvent(new Event('focus')));

/** What has the focus, by its name or its text. */
const focused = (page: Page) =>
  page.evaluate(
    () => document.activeElement?.getAttribute('name') ?? document.activeElement?.textContent ?? '',
  );

async function send(page: Page, text: string, options: { to?: string; priority?: string } = {}) {
  await page.getByRole('textbox', { name: 'Message' }).fill(text);
  await page.getByRole('combobox', { name: 'To' }).selectOption(options.to ?? 'all');
  await page.getByRole('combobox', { name: 'Priority' }).selectOption(options.priority ?? 'normal');
  await page.getByRole('button', { name: 'Send' }).click();
}

beforeAll(async () => {
  browser = await launch();
  pages = await openPages();
  here = await open(await newContext(), 0);
  there = await open(await newContext(), 1);
});

afterAll(async () => {
  await browser?.close();
  await pages?.stop();
});

describe('the example’s page, on two pods', () => {
  test('shows each window its own pod, and both the same leader, term and members', async () => {
    const podHere = await here.getByRole('heading', { level: 1 }).innerText();
    const podThere = await there.getByRole('heading', { level: 1 }).innerText();
    expect(podHere).not.toEqual(podThere);
    const facts = async (page: Page) => ({
      term: await page.getByTestId('term').innerText(),
      leader: await page.getByTestId('member').filter({ hasText: 'leader' }).locator('.pod-name').innerText(),
      members: await page.getByTestId('member').locator('.pod-name').allInnerTexts(),
    });
    expect(await facts(here)).toEqual(await facts(there));
  });

  test('shows a message that was sent on one pod in the other’s window, as plain text', async () => {
    const text = `hello from over here <img src=x onerror=alert(1)> ${Date.now()}`;
    await send(here, text, { priority: 'high' });
    await there.getByTestId('log').getByText(text).waitFor();
    await here.getByTestId('log').getByText(text).waitFor();
    expect(await there.getByTestId('log').locator('img').count()).toBe(0);
  });

  test('shows a message to one pod there and nowhere else', async () => {
    const target = (await there.getByTestId('answered-by').innerText()).trim();
    const text = `only for you ${Date.now()}`;
    await send(here, text, { to: target });
    await there.getByTestId('log').getByText(text).waitFor();
    // A later broadcast has arrived here: the direct one would have come before it.
    const later = `for everyone ${Date.now()}`;
    await send(here, later);
    await here.getByTestId('log').getByText(later).waitFor();
    expect(await here.getByTestId('log').getByText(text).count()).toBe(0);
  });

  test('keeps theme and open notes in the session, whichever pod answers', async () => {
    const context = await newContext();
    const first = await open(context, 0);
    await theme(first, 'dark').check({ force: true });
    await first.getByRole('button', { name: 'Where a message goes' }).click();
    await saved(first);
    const second = await open(context, 1);
    expect(await second.getByTestId('session-id').innerText()).toBe(
      await first.getByTestId('session-id').innerText(),
    );
    expect(await shownTheme(second)).toBe('dark');
    await second.getByText('To every pod or to one.').waitFor();
    await theme(second, 'light').check({ force: true });
    await saved(second);
    await focus(first);
    await first.locator('html[data-theme="light"]').waitFor();
    const [cookie] = await context.cookies();
    expect(cookie).toMatchObject({ name: 'hyperpage_session', httpOnly: true, sameSite: 'Lax' });
    await context.close();
  });

  test('takes a change back that the server refuses, and says so', async () => {
    // A context that is not watched: a browser reports every failed request as an error.
    const context = await browser.newContext();
    const page = await open(context, 0);
    const before = await shownTheme(page);
    await page.route('**/api/sessions', (route) =>
      route.request().method() === 'POST'
        ? route.fulfill({ status: 503, contentType: 'application/problem+json', body: REFUSAL })
        : route.fallback(),
    );
    await theme(page, 'dark').check({ force: true });
    await page.getByRole('alert').filter({ hasText: 'not today' }).waitFor();
    expect(await shownTheme(page)).toBe(before);
    await context.close();
  });

  test('deletes a session and begins another', async () => {
    const context = await newContext();
    const page = await open(context, 0);
    const before = await page.getByTestId('session-id').innerText();
    await page.getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('button', { name: 'Begin a session' }).click();
    await saved(page);
    expect(await page.getByTestId('session-id').innerText()).not.toBe(before);
    await context.close();
  });

  test('can be used by keyboard alone', async () => {
    const context = await newContext();
    const page = await open(context, 0);
    await page.locator('body').press('Tab');
    const text = `typed ${Date.now()}`;
    await page.keyboard.type(text);
    await page.keyboard.press('Enter');
    await page.getByTestId('log').getByText(text).waitFor();
    const reached: string[] = [];
    for (let stop = 0; stop < 9; stop += 1) {
      await page.keyboard.press('Tab');
      reached.push(await focused(page));
    }
    expect(reached).toEqual([
      'to',
      'priority',
      'Send',
      'theme',
      'Read again',
      'Delete',
      'How a leader is found',
      'Where a message goes',
      'What a session survives',
    ]);
    await page.keyboard.press('Enter');
    await page.getByText('Two pods that change different fields both win.').waitFor();
    await context.close();
  });

  test.each(['light', 'dark'])('is readable in %s and fits a narrow screen', async (name) => {
    const context = await newContext({ viewport: { width: 390, height: 844 } });
    const page = await open(context, 0);
    await theme(page, name).check({ force: true });
    await page.locator(`html[data-theme="${name}"]`).waitFor();
    await send(page, 'a'.repeat(120), { priority: 'low' });
    await page.getByTestId('log').getByText('a'.repeat(120)).first().waitFor();
    expect(await lowContrast(page)).toEqual([]);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
    await context.close();
  });

  test('follows the system’s light while the session says so', async () => {
    const seen = await Promise.all(
      (['light', 'dark'] as const).map(async (colorScheme) => {
        const context = await newContext({ colorScheme });
        const color = await background(await open(context, 0));
        await context.close();
        return color;
      }),
    );
    expect(seen[0]).not.toBe(seen[1]);
  });

  test('gives no error in the browser’s console', () => {
    expect(complaints).toEqual([]);
  });

  test('looks like this', async () => {
    const forDocs = process.env['UPDATE_SCREENSHOTS'] === '1';
    const folder = forDocs ? DOCS_IMAGES : await mkdtemp(join(tmpdir(), 'hyperpage-page-'));
    await mkdir(folder, { recursive: true });
    const context = await newContext({ deviceScaleFactor: 2, viewport: { width: 1200, height: 960 } });
    const page = await open(context, 1);
    await tellAStory(page, pages.urls);
    for (const [name, file] of [
      ['dark', 'example-dark.png'],
      ['light', 'example.png'],
    ] as const) {
      await theme(page, name).check({ force: true });
      await page.locator(`html[data-theme="${name}"]`).waitFor();
      await saved(page);
      const image = await page.screenshot({ path: join(folder, file), animations: 'disabled' });
      expect(image.byteLength).toBeGreaterThan(20_000);
    }
    if (!forDocs) process.stdout.write(`screenshots are in ${folder}\n`);
    await context.close();
  });
});

const REFUSAL = JSON.stringify({ code: 'redis-unavailable', detail: 'not today' });
