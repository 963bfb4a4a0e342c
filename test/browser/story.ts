import type { Page } from 'playwright-core';

const podOf = async (page: Page) =>
  (await page.getByRole('heading', { level: 1 }).locator('.pod-name').innerText()).trim();

/** Messages that a real app could send, enough of them to fill the picture. */
export async function tellAStory(page: Page, urls: readonly string[]): Promise<void> {
  const say = async (url: string, text: string, to: string, priority: string) => {
    const response = await page.request.post(`${url}/api/demo/messages`, { data: { text, to, priority } });
    return response.ok();
  };
  const [first = '', second = '', third = first] = urls;
  await say(third, 'Back from a restart, my cache is cold', 'all', 'low');
  for (const url of urls)
    await say(url, 'Warm-up begins: each pod takes its third of the keys', 'as-leader', 'normal');
  await say(first, 'My third is warm', 'all', 'normal');
  await say(third, 'Mine too, 4 180 keys', 'all', 'normal');
  await say(first, 'Your third has two hot keys, keep them', await podOf(page), 'normal');
  await say(second, 'All three are warm', 'all', 'normal');
  await say(first, 'Prices of user 123 have changed, drop your copies', 'all', 'high');
  await page.getByTestId('log').getByText('Prices of user 123').first().waitFor();
  await page.getByRole('button', { name: 'What a session survives' }).click();
}
