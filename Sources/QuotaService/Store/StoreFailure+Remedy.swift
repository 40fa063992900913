internal import EventLog
internal import Projections

extension StoreFailure {
  /// What the person in front of it can do.
  public enum Remedy: Sendable {
    case nameAnotherInput
    case chooseAnotherPlace
    case waitOrStopTheOther
    case getPermission
    case makeRoom
    case restoreOrCorrect
    case correctTheSetting
  }

  public var remedy: Remedy {
    switch self {
    case .missing: .nameAnotherInput
    case .exists, .notEmpty, .cannotCreate: .chooseAnotherPlace
    case .inUse, .backupInUse: .waitOrStopTheOther
    case .permissionDenied: .getPermission
    case .diskFull, .file: .makeRoom
    case .unknownZone: .correctTheSetting
    case .importRefused, .projectionDiffers, .logLostItsEnd, .namesDamaged, .namesMissing,
      .positionsDamaged, .keyMissing, .keyDamaged, .backupRefused:
      .restoreOrCorrect
    case .generation(let refusal): refusal.remedy
    case .log(let failure): failure.remedy
    case .projection(let failure): failure.remedy
    }
  }
}

extension LogFailure {
  fileprivate var remedy: StoreFailure.Remedy {
    switch self {
    case .missing: .nameAnotherInput
    case .exists: .chooseAnotherPlace
    case .notALog, .newerFormat, .damaged, .corrupted, .pageDamaged, .treeDiffers:
      .restoreOrCorrect
    case .permissionDenied: .getPermission
    case .networkFileSystem, .alreadyOpen, .noTree, .endsElsewhere, .other:
      .waitOrStopTheOther
    case .diskFull, .inputOutput: .makeRoom
    }
  }
}

extension ProjectionFailure {
  fileprivate var remedy: StoreFailure.Remedy {
    switch self {
    case .missing: .nameAnotherInput
    case .permissionDenied: .getPermission
    case .diskFull, .inputOutput: .makeRoom
    case .malformedRow, .pageDamaged, .gap, .contradiction: .restoreOrCorrect
    case .unknownZone: .correctTheSetting
    case .calendarChanged, .other: .waitOrStopTheOther
    }
  }
}
