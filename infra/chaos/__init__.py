"""Nothing lost: workers, brokers and the store are killed, frozen and moved under load, and nothing may be missing."""
