import LMDB
import Testing

@Test func x() {}
