/** Serves `/api/sessions` and `/api/health` in your app, by way of the sidecar. */
import { Mount, type MountOptions } from '../mount/index.ts';
import { callOf, type MountRequest, type MountResponse, send } from './http.ts';

export type { MountOptions } from '../mount/index.ts';
export type { MountRequest, MountResponse } from './http.ts';

/** A middleware for Express (and Connect, and whatever takes `(request, response, next)`): `app.use(hyperpage())`.
 *  Works before and after a body parser. Requests for other paths go on to `next`. */
export function hyperpage(
  options: MountOptions = {},
): (request: MountRequest, response: MountResponse, next: (error?: unknown) => void) => void {
  const mount = new Mount(options);
  return (request, response, next) => {
    void answerOrPass(mount, request, response, next);
  };
}

async function answerOrPass(
  mount: Mount,
  request: MountRequest,
  response: MountResponse,
  next: (error?: unknown) => void,
): Promise<void> {
  let answered: boolean;
  try {
    answered = await answer(mount, request, response);
  } catch (error) {
    return next(error);
  }
  if (!answered) next();
}

/** A plain handler for Node's own server: resolves to false, and touches nothing, when the request is for another path.
 *  @throws when the client breaks off while it sends */
export function hyperpageHandler(
  options: MountOptions = {},
): (request: MountRequest, response: MountResponse) => Promise<boolean> {
  const mount = new Mount(options);
  return (request, response) => answer(mount, request, response);
}

/** True when the request is answered, false when it is none of the mount's. */
async function answer(mount: Mount, request: MountRequest, response: MountResponse): Promise<boolean> {
  const answered = await mount.answer(callOf(request, mount.trustedProxies, mount.limitBytes));
  if (answered) send(response, answered);
  return answered !== undefined;
}
