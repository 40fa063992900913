internal import EventLog
internal import Projections

extension StoreFailure {
  /// Whether something is stored otherwise than it was written, which no later look makes good; else
  /// whoever looked could not look just now.
  var isDamage: Bool {
    switch self {
    case .log(let failure): failure.isDamage
    case .projection(let failure): failure.isDamage
    case .logLostItsEnd, .projectionDiffers, .namesDamaged, .namesMissing: true
    case .missing, .exists, .notEmpty, .cannotCreate, .inUse, .permissionDenied, .diskFull,
      .unknownZone, .file, .importRefused, .generation, .positionsDamaged, .keyMissing,
      .keyDamaged, .backupRefused, .backupInUse:
      false
    }
  }
}

extension LogFailure {
  fileprivate var isDamage: Bool {
    switch self {
    case .damaged, .corrupted, .treeDiffers, .pageDamaged, .notALog, .newerFormat: true
    case .missing, .exists, .permissionDenied, .networkFileSystem, .alreadyOpen, .diskFull,
      .inputOutput, .noTree, .endsElsewhere, .other:
      false
    }
  }
}

extension ProjectionFailure {
  fileprivate var isDamage: Bool {
    switch self {
    case .malformedRow, .pageDamaged, .gap, .contradiction: true
    case .diskFull, .inputOutput, .permissionDenied, .missing, .calendarChanged, .unknownZone,
      .other:
      false
    }
  }
}
