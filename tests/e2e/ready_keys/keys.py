"""Key pairs of 4096 bits made of a few primes: finding primes is most of what the function app computes in these tests.

What makes keys otherwise is proved elsewhere: the storm, the article and the demo run without this.
"""

import itertools
import threading
from collections.abc import Iterator

from cryptography.hazmat.primitives.asymmetric import rsa

_generate = rsa.generate_private_key
_PAIRS = 2


def _keys() -> Iterator[rsa.RSAPrivateKey]:
    created = [_generate(public_exponent=65537, key_size=4096).private_numbers() for _ in range(_PAIRS)]
    primes = [prime for numbers in created for prime in (numbers.p, numbers.q)]
    for p, q in itertools.cycle(itertools.combinations(primes, 2)):
        d = pow(65537, -1, (p - 1) * (q - 1))
        public = rsa.RSAPublicNumbers(65537, p * q)
        exponents = rsa.rsa_crt_dmp1(d, p), rsa.rsa_crt_dmq1(d, q), rsa.rsa_crt_iqmp(p, q)
        yield rsa.RSAPrivateNumbers(p, q, d, *exponents, public).private_key(unsafe_skip_rsa_key_validation=True)


_lock, _ready = threading.Lock(), _keys()


def next_key(public_exponent: int, key_size: int) -> rsa.RSAPrivateKey:
    """In the place of `rsa.generate_private_key`."""
    assert (public_exponent, key_size) == (65537, 4096)
    with _lock:
        return next(_ready)
