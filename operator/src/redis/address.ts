/** The parts of `host:port`. */
export const hostAndPort = (address: string): [host: string, port: string] => {
  const colon = address.lastIndexOf(':');
  return [address.slice(0, colon), address.slice(colon + 1)];
};
