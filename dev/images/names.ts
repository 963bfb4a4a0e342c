/** The full name a container runtime knows an image by: `redis:7-alpine` is `docker.io/library/redis:7-alpine`.
 *  Kubelet asks for the name in this form, so an image that is loaded by hand must carry it (the rules are those of
 *  the distribution project's reference grammar). @throws Error when the name is none. */
export function normalizedImageName(name: string): string {
  const { domain, rest } = splitDomain(name);
  const path = domain === DEFAULT_DOMAIN && !rest.includes('/') ? `library/${rest}` : rest;
  if (!REFERENCE.test(path)) {
    throw new Error(`${JSON.stringify(name)} is no image name; one looks like hyperpage/operator:0.1.0`);
  }
  return `${domain}/${path}${TAGGED.test(path) ? '' : ':latest'}`;
}

const DEFAULT_DOMAIN = 'docker.io';
const COMPONENT = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const REFERENCE = new RegExp(`^${COMPONENT}(?:/${COMPONENT})*(?::\\w[\\w.-]{0,127})?$`);
const TAGGED = /:[^/]+$/;

/** The part before the first slash is a registry only when it cannot be a user's name. */
function splitDomain(name: string): { domain: string; rest: string } {
  const slash = name.indexOf('/');
  const first = name.slice(0, Math.max(0, slash));
  const isRegistry = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  return isRegistry ? { domain: first, rest: name.slice(slash + 1) } : { domain: DEFAULT_DOMAIN, rest: name };
}
