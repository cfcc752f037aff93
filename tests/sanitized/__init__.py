"""The shim under AddressSanitizer and UndefinedBehaviorSanitizer."""
