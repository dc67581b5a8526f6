"""What files are called that hold pictures of formats that are not read."""

RAW_SUFFIXES = frozenset(
    (".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".dng", ".erf", ".fff", ".gpr", ".iiq", ".k25", ".kdc", ".mef")
) | {".mos", ".mrw", ".nef", ".nrw", ".orf", ".pef", ".ptx", ".raf", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f"}
OTHER_SUFFIXES = frozenset(
    (".ai", ".bpg", ".cur", ".dcm", ".dds", ".emf", ".eps", ".exr", ".fits", ".flif", ".hdp", ".hdr", ".heics", ".icns")
) | {".ico", ".im", ".jls", ".jxl", ".jxr", ".pam", ".pcd", ".pct", ".pcx", ".pfm", ".pict", ".psb", ".psd", ".qoi"}
OTHER_SUFFIXES |= {".ras", ".sgi", ".svg", ".svgz", ".wbmp", ".wdp", ".wmf", ".xbm", ".xcf", ".xpm"}
"""Camera raws apart."""
