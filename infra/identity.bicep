metadata description = 'The identity of the service: no secret, and the same one for everything that it calls.'

@description('Name of the identity.')
param name string
@description('Region.')
param location string
@description('Tags.')
param tags object

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = {
  name: name
  location: location
  tags: tags
}

@description('Resource id.')
output id string = identity.id
@description('Client id, which the app names when it asks for tokens.')
output clientId string = identity.properties.clientId
@description('Object id, which roles are assigned to.')
output principalId string = identity.properties.principalId
