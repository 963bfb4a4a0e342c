import { normalizedImageName } from '../../../dev/images/names.ts';

describe('an image name', () => {
  test.each([
    ['redis:7-alpine', 'docker.io/library/redis:7-alpine'],
    ['redis', 'docker.io/library/redis:latest'],
    ['hyperpage/operator:0.1.0', 'docker.io/hyperpage/operator:0.1.0'],
    ['docker.io/redis:7', 'docker.io/library/redis:7'],
    ['localhost/pause:1', 'localhost/pause:1'],
    ['localhost:5000/a/b', 'localhost:5000/a/b:latest'],
    ['registry.example.com/team/app:v1_2.3', 'registry.example.com/team/app:v1_2.3'],
  ])('%s is %s to a container runtime', (name, full) => {
    expect(normalizedImageName(name)).toBe(full);
  });

  test.each(['', 'Redis:7', 'redis:', 'a//b', 'redis:7 alpine', 'a/b@sha256:0'])(
    'is refused when it is %p, with an example of a good one',
    (name) => {
      expect(() => normalizedImageName(name)).toThrow('hyperpage/operator:0.1.0');
    },
  );
});
