import { readOptions } from '../../../dev/embedded/options.ts';

describe('the options of npm run dev', () => {
  test('are three pods on the usual ports by themselves', () => {
    expect(readOptions([])).toEqual({ pods: 3, port: 3000, sidecarPort: 7070 });
  });

  test('can be given', () => {
    expect(readOptions(['--pods', '5', '--port=4000', '--sidecar-port', '8000'])).toEqual({
      pods: 5,
      port: 4000,
      sidecarPort: 8000,
    });
    expect(readOptions(['--help'])).toBe('help');
  });

  test('are refused with what they want instead', () => {
    expect(() => readOptions(['--pods', 'many'])).toThrow(
      '--pods is "many"; it wants a whole number from 1 to 20',
    );
    expect(() => readOptions(['--port', '99999'])).toThrow('--port is "99999"');
    expect(() => readOptions(['--prot', '1'])).toThrow('--prot');
  });
});
