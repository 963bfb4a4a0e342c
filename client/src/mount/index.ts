export { addressIn, type MountAnswer, type MountCall, readBytes } from './call.ts';
export { Mount, type MountOptions, problem } from './mount.ts';
