import Basics
import Crypto
import Testing

@Suite struct Ed25519IdentityTests {
  /// RFC 8032 section 7.1, test 2.
  @Test func signsAsTheStandardSays() throws {
    let seed = try #require(Hex.decode("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
    let identity = try #require(Ed25519Identity(seed: SecretBytes(seed)))
    #expect(identity.publicKey.hex == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c")
    let signature = identity.sign([0x72])
    #expect(
      Hex.encode(signature)
        == "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        + "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00")
    #expect(Ed25519Identity.verify(signature, of: [0x72], by: identity.publicKey))
    #expect(!Ed25519Identity.verify(signature, of: [0x73], by: identity.publicKey))
  }

  @Test func refusesSeedsOfAnotherLength() {
    #expect(Ed25519Identity(seed: SecretBytes([1, 2, 3])) == nil)
  }
}
