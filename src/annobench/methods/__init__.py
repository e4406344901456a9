"""Methods, one file each: how a model learns from annotations. See CONTRIBUTING.md."""
